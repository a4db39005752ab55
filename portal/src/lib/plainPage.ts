/** A page that needs neither React nor data, for answers that are given before a page is drawn. */

export interface PlainPage {
  language: string;
  brandName: string;
  title: string;
  text: string;
  /** Words and address of the link that tries again. */
  again: { text: string; href: string };
  /** A line with the request's id. */
  quote: string;
  nonce: string;
}

const STYLE = `
:root { color-scheme: light dark; font: 1rem/1.6 system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center;
  background: light-dark(#f6f7fa, #0b0e14); color: light-dark(#10141d, #eef1f7); }
main { max-width: 34rem; padding: 2rem 1.25rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .75rem; }
a { color: light-dark(#2450d8, #8fabff); }
.brand, .quote { color: light-dark(#515a6b, #a7b0c3); font-size: .875rem; }
.quote { overflow-wrap: anywhere; }
a.again { display: inline-block; padding: .5rem 0; }`;

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function html(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

export function plainPage(page: PlainPage): string {
  return `<!DOCTYPE html>
<html lang="${html(page.language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${html(page.title)} - ${html(page.brandName)}</title>
<style nonce="${html(page.nonce)}">${STYLE}</style>
</head>
<body>
<main>
<p class="brand">${html(page.brandName)}</p>
<h1>${html(page.title)}</h1>
<p>${html(page.text)}</p>
<p><a class="again" href="${html(page.again.href)}">${html(page.again.text)}</a></p>
<p class="quote">${html(page.quote)}</p>
</main>
</body>
</html>
`;
}
