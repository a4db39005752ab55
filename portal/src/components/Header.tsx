import Link from 'next/link';
import { path, type Translate } from '@/lib/i18n';

export function Header({ locale, t }: { locale: string; t: Translate }) {
  return (
    <header className="border-b border-line bg-surface">
      <div className="mx-auto max-w-6xl px-4 py-3">
        <Link href={path(locale, '/')} className="font-bold">
          {t('common.site')}
        </Link>
      </div>
    </header>
  );
}
