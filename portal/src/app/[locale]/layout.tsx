import type { Metadata } from 'next';
import { cookies, headers } from 'next/headers';
import { connection } from 'next/server';
import type { ReactNode } from 'react';
import { Footer } from '@/components/Footer';
import { Header } from '@/components/Header';
import { InsigniaShapes } from '@/components/RankBadge';
import { brand } from '@/lib/brand';
import { inLanguage, linksOf } from '@/lib/brandFile';
import { isLocale, wordsOf } from '@/lib/i18n';
import { requestIdHeader } from '@/lib/requestId';
import { settings } from '@/lib/settings';
import '../globals.css';

type Props = { children: ReactNode; params: Promise<{ locale: string }> };

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { locale } = await params;
  const { name, tagline } = brand();
  return {
    metadataBase: new URL(settings().portalUrl),
    title: { default: name, template: `%s - ${name}` },
    description: inLanguage(tagline, locale),
    icons: '/brand/icon',
    openGraph: { siteName: name, locale: locale.replace('-', '_'), type: 'website' },
  };
}

export default async function Layout({ children, params }: Props) {
  // A page that is drawn at build time has no nonce, so the browser would block its scripts.
  await connection();
  const given = (await params).locale;
  const locale = isLocale(given) ? given : 'en';
  const words = wordsOf(locale);
  const { name, tagline, logo } = brand();
  const theme = (await cookies()).get('theme')?.value;
  const requestId = (await headers()).get(requestIdHeader) ?? '';
  return (
    <html lang={locale} data-theme={theme === 'light' || theme === 'dark' ? theme : undefined}>
      <head>
        <meta name="request-id" content={requestId} />
        {/* Colours of the brand file, which is read when the server starts. */}
        <link rel="stylesheet" href="/brand/style.css" />
      </head>
      <body className="frame">
        <InsigniaShapes />
        <a href="#content" className="skip">
          {words.t('common.skip')}
        </a>
        <Header words={words} name={name} logo={logo && '/brand/logo'} />
        <main id="content" tabIndex={-1} className="content">
          {children}
        </main>
        <Footer
          words={words}
          name={name}
          tagline={inLanguage(tagline, locale)}
          links={linksOf(brand(), locale)}
          members={settings().membersUrl}
        />
      </body>
    </html>
  );
}
