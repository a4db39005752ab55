const background = luminance([0x12, 0x15, 0x1c]);
const wanted = 4.5;
const fallback = '#9db8ff';

/** A rank's colour, made lighter until it stands out from the card's dark background (WCAG 2.2, 1.4.3). */
export function cardColour(colour: string | null): string {
  const match = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour ?? fallback);
  if (!match) return fallback;
  let channels = match.slice(1).map((pair) => Number.parseInt(pair, 16));
  while (contrast(luminance(channels)) < wanted) {
    channels = channels.map((channel) => Math.ceil(channel + (255 - channel) / 8));
  }
  return `#${channels.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
}

function contrast(light: number): number {
  return (light + 0.05) / (background + 0.05);
}

function luminance(channels: readonly number[]): number {
  const [red = 0, green = 0, blue = 0] = channels.map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
