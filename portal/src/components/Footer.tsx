import type { Translate } from '@/lib/i18n';

export function Footer({ t }: { locale: string; t: Translate }) {
  return (
    <footer className="border-t border-line">
      <div className="mx-auto max-w-6xl px-4 py-6 text-muted">{t('common.site')}</div>
    </footer>
  );
}
