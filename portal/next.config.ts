import type { NextConfig } from 'next';

// Paths that have a language, and those that are the same in every language. Rewrites are made here
// and not in the proxy: there, an address that does not match the host name that the server listens
// on would be fetched over the network.
const withoutPrefix = [
  '(?:en|de|es|pt-BR|api|brand|embed|_next)(?:/|$)',
  '(?:.*/)?(?:feed\\.xml|feed\\.json|card)$',
  '(?:favicon\\.ico|embed\\.css|icon\\.svg|robots\\.txt|sitemap\\.xml|manifest\\.webmanifest)$',
].join('|');

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
  // The proxy keeps the body of each request in memory, before anybody knows who sent it.
  experimental: { proxyClientMaxBodySize: '1mb' },
  serverExternalPackages: ['pg'],
  // They are read while a card is drawn, by a path that no import names.
  outputFileTracingIncludes: {
    '/players/[userId]/card': [
      './node_modules/@fontsource/noto-sans/files/*-{400,700}-normal.woff',
    ],
  },
  rewrites: async () => ({
    beforeFiles: [
      { source: '/', destination: '/en' },
      { source: `/:path((?!${withoutPrefix}).+)`, destination: '/en/:path' },
    ],
  }),
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
