const PATHS = {
  bolt: 'M11.5 1.5 4 11.5h5l-1 7 8-10.5h-5.5z',
  check: 'm4 10.5 4 4 8-9',
  search: 'M9 15A6 6 0 1 0 9 3a6 6 0 0 0 0 12m4.5-1.5L17.5 17.5',
  flame:
    'M10 1.5c.5 3 4.5 5 4.5 10a4.5 4.5 0 0 1-9 0c0-2 1-3 1.5-4 .5 1 1 1.5 1.5 1.5.5-2.5 0-5 1.5-7.5',
  clock: 'M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15M10 6v4.5l3 2',
  link: 'M8.5 11.5a3 3 0 0 0 4.300 0l2.700-2.700a3 3 0 0 0-4.300-4.300L10 5.700m1.5 2.800a3 3 0 0 0-4.300 0l-2.700 2.700a3 3 0 0 0 4.300 4.300l1.200-1.200',
  feed: 'M4 4a12 12 0 0 1 12 12M4 9a7 7 0 0 1 7 7M5 15.5h.01',
  left: 'm12 4-6 6 6 6',
  right: 'm8 4 6 6-6 6',
  globe:
    'M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15M2.5 10h15M10 2.5c2.5 2.5 2.5 12.5 0 15M10 2.5c-2.5 2.5-2.5 12.5 0 15',
  theme: 'M10 2.5v15a7.5 7.5 0 0 0 0-15M10 2.5a7.5 7.5 0 0 0 0 15',
  person: 'M10 10a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7m-6.5 7.5c.5-4 3-5.5 6.5-5.5s6 1.5 6.5 5.5',
  trophy: 'M6 3h8v5a4 4 0 0 1-8 0zM6 4.5H3.5c0 3 1 4 3 4.5M14 4.5h2.5c0 3-1 4-3 4.5M10 12v3m-3 2h6',
} as const;

const SOLID = new Set<string>(['bolt', 'flame']);

export type IconName = keyof typeof PATHS;

interface Props {
  name: IconName;
  className?: string;
  size?: number;
}

/** Decoration: whatever it means stands beside it in words. */
export function Icon({ name, className = '', size = 18 }: Props) {
  const kind = SOLID.has(name) ? 'icon-solid' : 'icon-line';
  return (
    <svg
      className={`${kind} ${className}`}
      width={size}
      height={size}
      viewBox="0 0 20 20"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
