interface Props {
  label: string;
  value: React.ReactNode;
  /** A line below in small letters. */
  children?: React.ReactNode;
}

/** A large figure with its name, inside of a `<dl class="stats">`. */
export function Stat({ label, value, children }: Props) {
  return (
    <div className="stat">
      <dt>{label}</dt>
      <dd className="stat-value">{value}</dd>
      {children && <dd className="stat-words">{children}</dd>}
    </div>
  );
}
