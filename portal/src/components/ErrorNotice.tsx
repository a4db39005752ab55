'use client';

import { useEffect, useState } from 'react';
import errors from '@/messages/errors.json';

/** What a visitor sees when a page fails, with the request id to quote. */
export function ErrorNotice({ retry }: { retry: () => void }) {
  const [page, setPage] = useState({ locale: 'en', requestId: '' });
  useEffect(() => {
    const meta = document.querySelector<HTMLMetaElement>('meta[name="request-id"]');
    setPage({ locale: document.documentElement.lang, requestId: meta?.content ?? '' });
  }, []);
  const words = errors[page.locale as keyof typeof errors] ?? errors.en;
  return (
    <div role="alert">
      <h1 className="text-2xl font-bold">{words.title}</h1>
      <p className="mt-2 text-muted">{words.text}</p>
      <button type="button" onClick={retry} className="mt-4 min-h-6 text-accent underline">
        {words.again}
      </button>
      {page.requestId && (
        <p className="mt-4 text-muted">
          {words.reference} <code>{page.requestId}</code>
        </p>
      )}
    </div>
  );
}
