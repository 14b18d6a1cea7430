/** `shoal dead ls|show|replay|drop`: what could not be handled, and what a person decides about it. */
import { stringify } from 'yaml';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { deadPath, letterPath } from '../paths.ts';
import { age, ago } from '../present/ages.ts';
import type { Paint } from '../present/paint.ts';
import { section } from '../present/sections.ts';
import { print } from '../printed.ts';
import type { LetterShape, List } from '../shapes.ts';
import type { Session } from '../shell.ts';
import { type Column, type Fact, pairs, table } from '../table.ts';

export async function listLetters(session: Session): Promise<ExitCode> {
  const list = await session.gateway.read<List<LetterShape>>(deadPath);
  print(session, list, (paint) =>
    list.items.length === 0 ? 'no dead letters' : letterTable(list, paint),
  );
  return exitCodes.ok;
}

export async function showLetter(session: Session, letter: string): Promise<ExitCode> {
  const found = await session.gateway.read<LetterShape>(letterPath(letter));
  print(session, found, (paint) => letterText(found, paint));
  return exitCodes.ok;
}

export async function replayLetter(session: Session, letter: string): Promise<ExitCode> {
  const answer = await session.gateway.write('POST', `${letterPath(letter)}/replay`, { body: {} });
  print(session, answer, () => `letter ${letter} is put back`);
  return exitCodes.ok;
}

export async function dropLetter(session: Session, letter: string): Promise<ExitCode> {
  const answer = await session.gateway.write('DELETE', letterPath(letter));
  print(session, answer, () => `letter ${letter} is dropped`);
  return exitCodes.ok;
}

function letterTable({ items }: List<LetterShape>, paint: Paint): string {
  const now = Date.now();
  const columns: readonly Column<LetterShape>[] = [
    { title: 'letter', text: (each) => `${each.actor}/${each.letter}` },
    { title: 'contract', text: (each) => each.contract },
    { title: 'tries', text: (each) => each.deliveries, align: 'right' },
    { title: 'age', text: (each) => age(each.at, now) },
    { title: 'reason', text: (each) => `${each.reason.code}: ${each.reason.detail}` },
  ];
  return table(columns, items, paint);
}

function letterText(letter: LetterShape, paint: Paint): string {
  const { reason, payload, excerpt } = letter;
  const facts: readonly Fact[] = [
    ['Letter', `${letter.actor}/${letter.letter}`],
    ['Contract', letter.contract],
    ['About', letter.about],
    ['Given up', `${ago(letter.at, Date.now())} (${letter.at}), tried ${letter.deliveries} times`],
    ['Reason', `${reason.code}: ${reason.detail}`],
    ...(letter.replayedAt ? ([['Replayed', letter.replayedAt]] as const) : []),
  ];
  const head = pairs(facts, paint);
  const body = payload === undefined ? excerpt : stringify(payload).trimEnd();
  return body === undefined ? head : `${head}\n\n${section('Message', body, paint)}`;
}
