/**
 * A base for errors that `instanceof` knows by their name. Next.js may load a module once for each
 * route, while answers and breakers are shared, so an error may come from another copy of its class.
 */
export function named(name: string) {
  return class extends Error {
    override readonly name: string = name;

    static override [Symbol.hasInstance](value: unknown): boolean {
      return value instanceof Error && value.name === name;
    }
  };
}
