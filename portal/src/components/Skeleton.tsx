/** Grey shapes of the final height while a page loads. */
export function Skeleton({ label, rows = 10 }: { label: string; rows?: number }) {
  return (
    <div className="skeleton" role="status">
      <span className="sr-only">{label}</span>
      <span className="skeleton-title" />
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all the same
        <span key={row} className="skeleton-row" />
      ))}
    </div>
  );
}
