'use client';

import { useEffect, useState } from 'react';
import errors from '@/messages/errors.json';
import { Empty } from './Empty';

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
      <Empty icon="clock" title={words.title} heading>
        <p>{words.text}</p>
        <button type="button" onClick={retry} className="button button-primary mt-4">
          {words.again}
        </button>
        {page.requestId && (
          <p className="mt-4">
            {words.reference} <code>{page.requestId}</code>
          </p>
        )}
      </Empty>
    </div>
  );
}
