import type { ReactNode } from 'react';

interface HeadProps {
  title: ReactNode;
  /** One or two sentences below the title. */
  intro?: ReactNode;
}

/** The title of a page. */
export function PageHead({ title, intro }: HeadProps) {
  return (
    <header className="page-head">
      <h1>{title}</h1>
      {intro && <p className="page-intro">{intro}</p>}
    </header>
  );
}

interface SectionProps {
  title: string;
  children: ReactNode;
}

/** A part of a page with text. */
export function Section({ title, children }: SectionProps) {
  return (
    <section className="prose">
      <h2>{title}</h2>
      {children}
    </section>
  );
}

export function Bullets({ items }: { items: readonly string[] }) {
  return (
    <ul>
      {items.map((item) => (
        <li key={item}>{item}</li>
      ))}
    </ul>
  );
}
