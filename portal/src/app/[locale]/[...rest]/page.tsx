import { notFound } from 'next/navigation';

/** Every address that no page has: draws our own page instead of Next's. */
export default function Unknown() {
  notFound();
}
