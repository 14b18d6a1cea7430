/** Pieces that every description is made of. */
import type { Paint } from './paint.ts';

/** A title with what belongs to it. */
export function section(title: string, text: string, paint: Paint): string {
  return `${paint('title', title)}\n${indented(text)}`;
}

export function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}

/** `app=hello, zone=garage`; undefined where there are none. */
export function labelText(labels: Readonly<Record<string, string>>): string | undefined {
  const entries = Object.entries(labels);
  if (entries.length === 0) return undefined;
  return entries.map(([name, value]) => `${name}=${value}`).join(', ');
}

/** `removed by accepts 1, by driver 2`, in the order asked; empty where nothing was removed. */
export function removedText(removed: Readonly<Record<string, number>>): string {
  return Object.entries(removed)
    .filter(([, count]) => count > 0)
    .map(([filter, count]) => `${count} by ${filter}`)
    .join(', ');
}

/** `1 instance`, `3 instances` */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
