'use client';

import { ErrorNotice } from '@/components/ErrorNotice';

export default function PageError({ reset }: { reset: () => void }) {
  return <ErrorNotice retry={reset} />;
}
