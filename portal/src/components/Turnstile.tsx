'use client';

import Script from 'next/script';
import { useEffect, useRef, useState } from 'react';

// Explicit rendering: Cloudflare must not change the page before React has taken it over.
const SOURCE = 'https://challenges.cloudflare.com/turnstile/v0/api.js?render=explicit';

interface Api {
  render(element: HTMLElement, options: Record<string, string>): string | undefined;
  remove(widget: string): void;
}

declare global {
  interface Window {
    turnstile?: Api;
  }
}

interface Props {
  siteKey: string;
  nonce: string;
  language: string;
}

/** Cloudflare's check that no robot sends the form. It adds the field `cf-turnstile-response`. */
export function Turnstile({ siteKey, nonce, language }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const [ready, setReady] = useState(false);
  useEffect(() => {
    const { turnstile } = window;
    if (!ready || !turnstile || !place.current) return;
    const options = {
      sitekey: siteKey,
      language: language.toLowerCase(),
      theme: 'auto',
      size: 'flexible',
    };
    const widget = turnstile.render(place.current, options);
    return () => {
      if (widget) turnstile.remove(widget);
    };
  }, [ready, siteKey, language]);
  return (
    <>
      <div ref={place} className="turnstile" />
      <Script src={SOURCE} nonce={nonce} onReady={() => setReady(true)} />
    </>
  );
}
