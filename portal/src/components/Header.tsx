import Link from 'next/link';
import { locales, path, type Words } from '@/lib/i18n';
import { Icon } from './Icon';
import { MeLink } from './Me';
import { Search } from './Search';
import { ThemeSwitch } from './ThemeSwitch';

const PAGES = ['leaderboard', 'ranks', 'records', 'promotions', 'policy'] as const;
const THEMES = ['system', 'light', 'dark'] as const;

interface Props {
  words: Words;
  name: string;
  logo?: string | null;
}

/** The community's name, the way around, the search and the two menus. */
export function Header({ words, name, logo }: Props) {
  const { t, locale } = words;
  return (
    <header className="header">
      <div className="header-row">
        <Link className="brand" href={path(locale, '/')} prefetch={false}>
          {logo ? (
            <img src={logo} alt="" width={28} height={28} />
          ) : (
            <span className="brand-mark">
              <Icon name="bolt" />
            </span>
          )}
          {name}
        </Link>
        <nav className="header-nav" aria-label={t('common.navigation')}>
          {PAGES.map((page) => (
            <Link
              key={page}
              className={`nav-${page}`}
              href={path(locale, `/${page}`)}
              prefetch={false}
            >
              {t(`common.pages.${page}`)}
            </Link>
          ))}
        </nav>
        <div className="header-search">
          <Search
            action={path(locale, '/search')}
            locale={locale}
            label={t('common.searchLabel')}
            button={t('common.search')}
          />
        </div>
        <div className="header-tools">
          <Link
            className="icon-button search-link"
            href={path(locale, '/search')}
            prefetch={false}
            aria-label={t('common.search')}
          >
            <Icon name="search" />
          </Link>
          <MeLink
            players={path(locale, '/players')}
            search={path(locale, '/search')}
            mine={t('common.me.mine')}
            find={t('common.me.find')}
          />
          <MenuButton menu="theme-menu" label={t('common.theme.label')} icon="theme" />
          <ThemeSwitch
            id="theme-menu"
            label={t('common.theme.label')}
            choices={THEMES.map((value) => ({ value, name: t(`common.theme.${value}`) }))}
          />
          {locales.length > 1 && <LanguageMenu words={words} />}
        </div>
      </div>
    </header>
  );
}

function MenuButton({
  menu,
  label,
  icon,
}: {
  menu: string;
  label: string;
  icon: 'theme' | 'globe';
}) {
  return (
    <button
      type="button"
      className="icon-button"
      popoverTarget={menu}
      aria-label={label}
      title={label}
    >
      <Icon name={icon} />
    </button>
  );
}

/** Each language leads by a route that knows the page which the visitor came from. */
function LanguageMenu({ words }: { words: Words }) {
  return (
    <>
      <MenuButton menu="language-menu" label={words.t('common.language')} icon="globe" />
      <ul id="language-menu" popover="auto" className="menu">
        {locales.map((each) => (
          <li key={each}>
            <a
              className="menu-item"
              lang={each}
              hrefLang={each}
              href={`/api/language?to=${each}`}
              aria-current={each === words.locale ? 'true' : undefined}
            >
              {nameOf(each)}
            </a>
          </li>
        ))}
      </ul>
    </>
  );
}

/** A language's own name: "Deutsch". */
function nameOf(locale: string): string {
  const name = new Intl.DisplayNames([locale], { type: 'language' }).of(locale) ?? locale;
  return name.charAt(0).toLocaleUpperCase(locale) + name.slice(1);
}
