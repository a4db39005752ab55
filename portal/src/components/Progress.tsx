import { Icon } from './Icon';

interface Props {
  id: string;
  label: string;
  /** What is there, of what is needed, in words: "2,480 of 2,600". */
  amount: string;
  have: number;
  need: number;
  /** What is missing or when it is met, in words. */
  children: React.ReactNode;
}

/** One requirement as a bar, with its words above and below. */
export function Progress({ id, label, amount, have, need, children }: Props) {
  const done = have >= need;
  return (
    <div className="goal">
      <p className="goal-head">
        <span id={id} className="goal-label">
          {done && <Icon name="check" className="text-good" />}
          {label}
        </span>
        <span className="goal-amount">{amount}</span>
      </p>
      <progress
        className={done ? 'bar bar-done' : 'bar'}
        aria-labelledby={id}
        max={Math.max(need, 1)}
        value={Math.min(Math.max(have, 0), Math.max(need, 1))}
      />
      <p className={done ? 'goal-words text-good' : 'goal-words'}>{children}</p>
    </div>
  );
}
