import type { ReactNode } from 'react';
import { Icon, type IconName } from './Icon';

interface Props {
  icon?: IconName;
  title: string;
  /** Whether the title is the page's own heading. */
  heading?: boolean;
  /** What it means and what can be done. */
  children: ReactNode;
}

/** A kind word where there is nothing to show. */
export function Empty({ icon = 'bolt', title, heading = false, children }: Props) {
  const Title = heading ? 'h1' : 'p';
  return (
    <div className="empty">
      <span className="empty-icon">
        <Icon name={icon} size={28} />
      </span>
      <Title className={heading ? undefined : 'empty-title'}>{title}</Title>
      <div className="empty-words">{children}</div>
    </div>
  );
}
