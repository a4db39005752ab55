import type { Words } from '@/lib/i18n';

interface Props {
  words: Words;
  lines: { name: string; text: string; inForce: boolean }[];
}

/** Times in which events are worth more, each with its name and what it is for. */
export function Multipliers({ words, lines }: Props) {
  return (
    <ul className="grid gap-2">
      {lines.map((line) => (
        <li key={line.text}>
          <strong>{line.name}</strong>
          {line.inForce && ` (${words.t('policy.multiplier.inForce')})`}
          {': '}
          {line.text}
        </li>
      ))}
    </ul>
  );
}
