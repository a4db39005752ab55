import type { Metadata } from 'next';
import { drawPage, orNull } from '@/app/drawPage';
import { Empty } from '@/components/Empty';
import { StaleNote } from '@/components/StaleNote';
import { currentAsk } from '@/lib/ask';
import { path, type Words, wordsOf } from '@/lib/i18n';
import { isUserId } from '@/lib/read/cursors';
import { player, series } from '@/lib/read/player';
import { search } from '@/lib/read/search';
import type { Answer, Player } from '@/lib/shapes';
import { Figures } from './Figures';
import { PairChart } from './PairChart';

const DAYS = 90;

type Params = { a?: string | string[]; b?: string | string[] };
type Props = { params: Promise<{ locale: string }>; searchParams: Promise<Params> };

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { locale } = await params;
  const { t } = wordsOf(locale);
  return {
    title: t('compare.title'),
    description: t('compare.lead'),
    alternates: { canonical: path(locale, '/compare') },
  };
}

export default async function ComparePage({ params, searchParams }: Props) {
  const { locale } = await params;
  const asked = await searchParams;
  const texts: [string, string] = [text(asked.a), text(asked.b)];
  return drawPage(locale, '/compare', async () => {
    const [a, b] = await Promise.all([find(texts[0]), find(texts[1])]);
    const pair = a?.value && b?.value && { a: a.value, b: b.value };
    return draw(wordsOf(locale), texts, [a, b], pair && { ...pair, days: await daysOf(pair) });
  });
}

type Found = Answer<Player | null> | null;
type Pair = { a: Player; b: Player; days: Awaited<ReturnType<typeof daysOf>> };

function draw(
  words: Words,
  texts: [string, string],
  answers: [Found, Found],
  pair: Pair | null | undefined,
) {
  const { t, locale } = words;
  const missed = texts.filter((one, index) => one && !answers[index]?.value);
  const [a, b] = texts.map((one, index) => answers[index]?.value?.username ?? one);
  return (
    <>
      <StaleNote words={words} answers={answers} />
      <h1>{t('compare.title')}</h1>
      <form action={path(locale, '/compare')} method="get" className="pair card my-5">
        <Field name="a" label={t('compare.first')} hint={t('compare.hint')} value={a ?? ''} />
        <Field name="b" label={t('compare.second')} hint={t('compare.hint')} value={b ?? ''} />
        <button type="submit" className="button button-primary">
          {t('compare.button')}
        </button>
      </form>
      {missed.map((one) => (
        <p key={one} role="status" className="stale">
          {t('compare.notFound', { text: one })}
        </p>
      ))}
      {pair ? (
        <div className="grid gap-4">
          <Figures words={words} a={pair.a} b={pair.b} />
          <PairChart words={words} {...pair} />
        </div>
      ) : (
        <Empty icon="trophy" title={t('compare.emptyTitle')}>
          <p>{t('compare.empty')}</p>
        </Empty>
      )}
    </>
  );
}

interface FieldProps {
  name: string;
  label: string;
  hint: string;
  value: string;
}

function Field({ name, label, hint, value }: FieldProps) {
  return (
    <label className="pair-field">
      <span className="font-semibold">{label}</span>
      <input
        className="field"
        key={value}
        name={name}
        defaultValue={value}
        placeholder={hint}
        maxLength={50}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        required
      />
    </label>
  );
}

function text(value: string | string[] | undefined): string {
  return (typeof value === 'string' ? value : '').trim().slice(0, 50);
}

/** The player with an id, or else the best match of a name. */
async function find(asked: string) {
  if (!asked) return null;
  const ask = await currentAsk();
  if (isUserId(asked)) {
    const byId = await player(ask, asked);
    if (byId.value) return byId;
  }
  const found = (await search(ask, asked, null, 10)).value.items;
  const exact = found.find(({ username }) => username.toLowerCase() === asked.toLowerCase());
  const best = exact ?? found[0];
  return best ? player(ask, best.userId) : null;
}

async function daysOf({ a, b }: { a: Player; b: Player }) {
  const ask = await currentAsk();
  const [first, second] = await Promise.all([
    orNull(series(ask, a.userId, DAYS)),
    orNull(series(ask, b.userId, DAYS)),
  ]);
  return { a: first?.value ?? [], b: second?.value ?? [] };
}
