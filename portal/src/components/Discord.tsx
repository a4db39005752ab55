import type { Translate } from '@/lib/i18n';

interface Props {
  t: Translate;
  server: { name: string; online: number };
  invite: string | null;
}

/** The way into the Discord server, and how many members are online. */
export function Discord({ t, server, invite }: Props) {
  return (
    <>
      {invite && (
        <a className="button" href={invite} rel="noopener">
          {t('discord.join', { server: server.name })}
        </a>
      )}
      <span className="text-muted">{t('discord.online', { count: server.online })}</span>
    </>
  );
}
