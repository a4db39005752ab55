import Link from 'next/link';
import { Icon } from '@/components/Icon';
import { path, type Words } from '@/lib/i18n';

interface Props {
  words: Words;
  userId: string;
  /** The portal's own address. */
  site: string;
}

/** Ways to take the page along. */
export function Share({ words, userId, site }: Props) {
  const { t, locale } = words;
  const frame = `<iframe src="${new URL(`/embed/players/${userId}`, site)}"></iframe>`;
  return (
    <section className="card" aria-labelledby="share">
      <h2 id="share" className="mb-4">
        {t('player.share.title')}
      </h2>
      <div className="flex flex-wrap gap-2">
        <Link className="button" href={path(locale, `/compare?a=${userId}`)} prefetch={false}>
          {t('player.share.compare')}
        </Link>
        <a className="button" href={`/players/${userId}/card?lang=${locale}`}>
          <Icon name="link" />
          {t('player.share.card')}
        </a>
        <a className="button" href={`/players/${userId}/feed.xml`}>
          <Icon name="feed" />
          {t('player.share.feed')}
        </a>
      </div>
      <details className="figures">
        <summary>{t('player.share.embed')}</summary>
        <pre className="code">{frame}</pre>
      </details>
    </section>
  );
}
