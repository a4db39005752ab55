import Link from 'next/link';
import { Icon } from './Icon';

interface Props {
  label: string;
  previous: { href: string; words: string } | null;
  next: { href: string; words: string } | null;
}

/** Links to the pages before and after. Nothing on a single page. */
export function Pager({ label, previous, next }: Props) {
  if (!previous && !next) return null;
  return (
    <nav className="pager" aria-label={label}>
      {previous && (
        <Link className="button" rel="prev" href={previous.href} prefetch={false}>
          <Icon name="left" />
          {previous.words}
        </Link>
      )}
      {next && (
        <Link className="button pager-next" rel="next" href={next.href} prefetch={false}>
          {next.words}
          <Icon name="right" />
        </Link>
      )}
    </nav>
  );
}
