import type { NextConfig } from 'next';

const config: NextConfig = {
  output: 'standalone',
  poweredByHeader: false,
  reactStrictMode: true,
  // Without a fixed folder, Next.js looks for lock files above this one.
  turbopack: { root: import.meta.dirname },
  outputFileTracingRoot: import.meta.dirname,
  typedRoutes: false,
  // `npm run check` does it, also for what is not part of the build.
  typescript: { ignoreBuildErrors: true },
  // Images are drawn here or come from this server: the optimizer would only be an open resizer.
  images: { unoptimized: true },
  serverExternalPackages: ['pg'],
  headers: async () => [
    {
      // The proxy sets the headers of everything else.
      source: '/_next/static/:path*',
      headers: [
        { key: 'X-Content-Type-Options', value: 'nosniff' },
        { key: 'Cross-Origin-Resource-Policy', value: 'same-origin' },
      ],
    },
  ],
};

export default config;
