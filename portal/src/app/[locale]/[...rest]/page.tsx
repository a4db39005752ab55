import { notFoundPage } from '@/app/drawPage';

/** Every address that no page has. */
export default async function Unknown({ params }: { params: Promise<{ locale: string }> }) {
  return notFoundPage((await params).locale);
}
