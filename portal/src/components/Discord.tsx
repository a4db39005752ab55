import type { Translate } from '@/lib/i18n';

interface Props {
  t: Translate;
  server: { name: string; online: number };
  invite: string | null;
}

/** How many members of the Discord server are online, and the way in. */
export function Discord({ t, server, invite }: Props) {
  return (
    <p className="discord">
      {invite && (
        <a href={invite} rel="noopener">
          {t('discord.join', { server: server.name })}
        </a>
      )}
      <span className="text-muted">{t('discord.online', { count: server.online })}</span>
    </p>
  );
}
