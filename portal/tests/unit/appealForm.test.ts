import assert from 'node:assert/strict';
import { test } from 'node:test';

import { checkForm, plainCode } from '../../src/lib/appealForm.ts';

const GOOD = {
  userId: '9223372036854775807',
  code: 'kxwt-rbnm pqzd',
  text: 'I was not there on that day at all.',
  website: '',
  'cf-turnstile-response': 'token',
};
const SHOWN_AT = 1_000_000;

function problems(changed: Record<string, string>, now = SHOWN_AT + 3000): string[] {
  const form = new FormData();
  for (const [name, value] of Object.entries({ ...GOOD, ...changed })) form.set(name, value);
  return checkForm(form, SHOWN_AT, now).problems.map((problem) =>
    problem.key.slice('appeal.errors.'.length),
  );
}

test('a complete form has no problem', () => {
  assert.deepEqual(problems({}), []);
  assert.equal(plainCode(GOOD.code), 'KXWTRBNMPQZD');
});

const WRONG: [Record<string, string>, string[]][] = [
  [{ userId: '' }, ['userId']],
  [{ userId: '-1' }, ['userId']],
  [{ userId: '9223372036854775808' }, ['userId']],
  [{ code: 'KXWTRBNMPQZ' }, ['code']],
  [{ code: 'AEIOUAEIOUAE' }, ['code']],
  [{ text: 'too short' }, ['text']],
  [{ text: 'x'.repeat(2001) }, ['text']],
  [{ text: `a NUL character \0 is refused by the database` }, ['text']],
  [{ 'cf-turnstile-response': '' }, ['robot']],
  [{ 'cf-turnstile-response': 'x'.repeat(2049) }, ['robot']],
  [{ website: 'https://spam.example' }, ['robot']],
  [{ userId: 'me', code: '', text: '' }, ['userId', 'code', 'text']],
];

for (const [changed, expected] of WRONG) {
  test(`${JSON.stringify(changed).slice(0, 60)} is refused for ${expected.join(', ')}`, () => {
    assert.deepEqual(problems(changed), expected);
  });
}

test('2,000 emoji are 2,000 characters, as Django counts', () => {
  assert.deepEqual(problems({ text: '🚀'.repeat(2000) }), []);
});

test('a form sent within three seconds is refused', () => {
  assert.deepEqual(problems({}, SHOWN_AT + 2999), ['tooFast']);
});

test('what was typed is kept', () => {
  const form = new FormData();
  form.set('text', ' line one\r\nline two ');
  assert.deepEqual(checkForm(form, 0, 5000).typed, {
    userId: '',
    code: '',
    text: 'line one\nline two',
  });
});
