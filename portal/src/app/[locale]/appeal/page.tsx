import type { Metadata } from 'next';
import { headers } from 'next/headers';
import { redirect } from 'next/navigation';
import { AppealForm, type AppealState, type AppealWords } from '@/components/AppealForm';
import { Empty } from '@/components/Empty';
import { PageHead } from '@/components/Prose';
import { checkForm, LONGEST_TEXT, type Problem, SHORTEST_TEXT } from '@/lib/appealForm';
import { sendAppeal } from '@/lib/appeals';
import { path, type Translate, translator } from '@/lib/i18n';
import { pageMetadata } from '@/lib/pageMetadata';
import { settings } from '@/lib/settings';
import { currentVisit } from '@/lib/visit';

type Props = { params: Promise<{ locale: string }> };

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { locale } = await params;
  const t = translator(locale);
  const about = { title: t('appeal.title'), description: t('appeal.description') };
  return { ...pageMetadata(locale, '/appeal', about), robots: { index: false } };
}

export default async function Appeal({ params }: Props) {
  const { locale } = await params;
  const t = translator(locale);
  const { turnstileSiteKey } = settings();
  const nonce = (await headers()).get('x-nonce') ?? '';
  // Next.js encrypts what an action closes over, so a sender cannot change the time.
  const shownAt = Date.now();

  async function send(state: AppealState, form: FormData): Promise<AppealState> {
    'use server';
    return sendForm(locale, shownAt, state, form);
  }

  return (
    <>
      <PageHead title={t('appeal.title')} intro={t('appeal.intro')} />
      {turnstileSiteKey === null ? (
        <Empty title={t('appeal.closed')}>{t('appeal.closedText')}</Empty>
      ) : (
        <AppealForm
          action={send}
          words={wordsOfForm(t)}
          siteKey={turnstileSiteKey}
          nonce={nonce}
          language={locale}
          longest={LONGEST_TEXT}
        />
      )}
    </>
  );
}

async function sendForm(
  locale: string,
  shownAt: number,
  { attempt }: AppealState,
  form: FormData,
): Promise<AppealState> {
  const t = translator(locale);
  const { typed, token, problems } = checkForm(form, shownAt, Date.now());
  const failed = (found: Problem[]): AppealState => ({
    typed,
    attempt: attempt + 1,
    problems: found.map(({ field, key, values }) => ({ field, words: t(key, values) })),
  });
  if (settings().turnstileSiteKey === null) return failed([{ field: null, key: 'appeal.closed' }]);
  if (problems.length > 0) return failed(problems);
  const sent = await sendAppeal(typed, token, await currentVisit());
  if ('key' in sent) return failed([sent]);
  redirect(path(locale, `/appeal/${sent.token}?sent=1`));
}

function wordsOfForm(t: Translate): AppealWords {
  return {
    userId: t('appeal.userId'),
    userIdHint: t('appeal.userIdHint'),
    code: t('appeal.code'),
    codeHint: t('appeal.codeHint'),
    text: t('appeal.text'),
    textHint: t('appeal.textHint', { least: SHORTEST_TEXT, count: LONGEST_TEXT }),
    website: t('appeal.website'),
    robotNote: t('appeal.robotNote'),
    noScript: t('appeal.noScript'),
    send: t('appeal.send'),
    sending: t('appeal.sending'),
    problems: t('appeal.problems'),
  };
}
