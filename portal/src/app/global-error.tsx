'use client';

import { ErrorNotice } from '@/components/ErrorNotice';
import './globals.css';

/** Replaces the whole page when the layout itself fails. */
export default function GlobalError({ reset }: { reset: () => void }) {
  return (
    <html lang="en">
      <body>
        <main className="content">
          <ErrorNotice retry={reset} />
        </main>
      </body>
    </html>
  );
}
