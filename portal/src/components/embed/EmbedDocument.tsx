import type { ReactNode } from 'react';

export type EmbedTheme = 'light' | 'dark' | undefined;

type Props = { title: string; locale: string; theme: EmbedTheme; children: ReactNode };

/** A whole document without scripts, for frames on other sites. */
export function EmbedDocument({ title, locale, theme, children }: Props) {
  return (
    <html lang={locale} data-theme={theme}>
      {/* biome-ignore lint/style/noHeadElement: a document of its own, outside of Next.js */}
      <head>
        <meta charSet="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>{title}</title>
        <link rel="stylesheet" href="/embed.css" />
      </head>
      <body>
        <main>{children}</main>
      </body>
    </html>
  );
}
