import { defineConfig } from 'prisma/config';

export default defineConfig({
  schema: 'prisma/schema.prisma',
  // Only `db pull` connects; `generate` does not.
  datasource: { url: process.env['DATABASE_URL'] ?? 'postgresql://localhost/portal' },
});
