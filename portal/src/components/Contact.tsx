/** An e-mail address or the address of a page, as a link. */
export function Contact({ contact }: { contact: string }) {
  const href = contact.startsWith('https://') ? contact : `mailto:${contact}`;
  return (
    <a href={href} rel="noopener">
      {contact}
    </a>
  );
}
