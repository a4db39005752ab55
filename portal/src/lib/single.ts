/** Keep one value a process, also when Next.js loads a module again (development) or twice. */
export function single<T>(name: string, make: () => T): T {
  const key = Symbol.for(`grps.portal.${name}`);
  const store = globalThis as unknown as Record<symbol, unknown>;
  store[key] ??= make();
  return store[key] as T;
}
