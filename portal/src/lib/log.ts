type Level = 'info' | 'warning' | 'error';

/** Write one JSON line to standard output. Never log names, tokens or addresses of visitors. */
export function log(level: Level, event: string, fields: Record<string, unknown> = {}): void {
  const line = { at: new Date().toISOString(), level, event, ...fields };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
