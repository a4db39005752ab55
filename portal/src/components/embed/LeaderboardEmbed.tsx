import { formats, path, type Translate } from '@/lib/i18n';
import type { Line } from '@/lib/shapes';

type Props = { players: readonly Line[]; locale: string; t: Translate };

export function LeaderboardEmbed({ players, locale, t }: Props) {
  return (
    <>
      <h1>{t('common.pages.leaderboard')}</h1>
      {players.length === 0 ? (
        <p>{t('embed.empty')}</p>
      ) : (
        <Table players={players} locale={locale} t={t} />
      )}
      <a href={path(locale, '/leaderboard')} target="_blank" rel="noopener">
        {t('embed.more')}
      </a>
    </>
  );
}

function Table({ players, locale, t }: Props) {
  const { amount, number } = formats(locale);
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{t('embed.position')}</th>
          <th scope="col">{t('embed.name')}</th>
          <th scope="col" className="number">
            {t('embed.points')}
          </th>
        </tr>
      </thead>
      <tbody>
        {players.map((line) => (
          <tr key={line.userId}>
            <td>{number(line.position)}</td>
            <td>
              <bdi>{line.displayName || line.username}</bdi>
            </td>
            <td className="number">{amount(line.points)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
