declare namespace NodeJS {
  interface ProcessEnv {
    /** Set by Next.js, which removes code for the other runtime. */
    readonly NEXT_RUNTIME?: 'nodejs' | 'edge';
  }
}
