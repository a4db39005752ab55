import { Discord } from '@/components/Discord';
import { brand } from '@/lib/brand';
import { discordServer } from '@/lib/discord';
import type { Translate } from '@/lib/i18n';

/** Whether the brand file or Discord names a place to join. */
export function canJoin(): boolean {
  const { roblox, discord } = brand().links;
  return roblox !== null || discord !== null || discordServer() !== null;
}

/** The ways to join: the group on Roblox, and the Discord server. */
export function JoinLinks({ t }: { t: Translate }) {
  const { roblox, discord } = brand().links;
  const server = discordServer();
  return (
    <div className="join">
      {roblox && (
        <a className="button button-primary" href={roblox} rel="noopener">
          {t('about.robloxGroup')}
        </a>
      )}
      {server && <Discord t={t} server={server} invite={server.invite ?? discord} />}
      {!server && discord && (
        <a className="button" href={discord} rel="noopener">
          {t('about.discord')}
        </a>
      )}
    </div>
  );
}
