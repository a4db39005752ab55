import Link from 'next/link';
import { path, type Words } from '@/lib/i18n';

const PAGES = ['search', 'compare', 'about', 'privacy', 'terms', 'status', 'appeal'] as const;

interface Props {
  words: Words;
  name: string;
  tagline?: string;
  /** Links of the community, such as its Discord server. */
  links?: { name: string; href: string }[];
  /** Where members sign in to see what concerns themselves. */
  members?: string | null;
}

export function Footer({ words, name, tagline, links = [], members }: Props) {
  const { t, locale } = words;
  return (
    <footer className="footer">
      <div className="footer-row">
        <div>
          <p className="font-bold">{name}</p>
          {tagline && <p className="text-muted">{tagline}</p>}
          <p className="text-muted">{t('common.footer.utc')}</p>
        </div>
        <nav aria-label={t('common.footer.navigation')}>
          <ul className="footer-links">
            {PAGES.map((page) => (
              <li key={page}>
                <Link href={path(locale, `/${page}`)} prefetch={false}>
                  {t(`common.pages.${page}`)}
                </Link>
              </li>
            ))}
            {members && (
              <li>
                <a href={members} rel="nofollow">
                  {t('common.footer.members')}
                </a>
              </li>
            )}
            {links.map((link) => (
              <li key={link.href}>
                <a href={link.href} rel="noopener">
                  {link.name}
                </a>
              </li>
            ))}
          </ul>
        </nav>
      </div>
    </footer>
  );
}
