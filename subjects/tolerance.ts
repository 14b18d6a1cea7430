/**
 * Makes sure that a program of the version before does no harm to what a newer one wrote: fields
 * it does not know are read past, at any depth, and are still there when it writes the value again.
 *
 * Records are declared tolerant (contract.ts). Asks are not: what nobody understands is not done,
 * so a spec with an unknown key is refused, not half obeyed.
 */
import { z } from 'zod';

type Def = z.core.$ZodTypeDef;
type DefOf<T extends Def['type']> = Extract<z.core.$ZodTypes['_zod']['def'], { type: T }>;

/** The same schema, whose objects keep the keys they do not know. */
export function tolerant<S extends z.ZodType>(schema: S): S {
  return mapped(schema) as S;
}

function mapped(schema: z.core.$ZodType): z.core.$ZodType {
  const { def } = schema._zod;
  const as = (changed: object): z.core.$ZodType =>
    z.core.clone(schema, { ...def, ...changed } as never, { parent: true });
  switch (def.type) {
    case 'object': {
      const shape = Object.entries((def as DefOf<'object'>).shape);
      const inside = shape.map(([name, each]) => [name, mapped(each)]);
      return as({ shape: Object.fromEntries(inside), catchall: z.unknown() });
    }
    case 'array':
      return as({ element: mapped((def as DefOf<'array'>).element) });
    case 'record':
      return as({ valueType: mapped((def as DefOf<'record'>).valueType) });
    case 'union':
      return as({ options: (def as DefOf<'union'>).options.map(mapped) });
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
      return as({ innerType: mapped((def as DefOf<'optional'>).innerType) });
    default:
      return schema;
  }
}

/**
 * `wanted` with what `before` has and the schema does not know: whoever replaces a value in the
 * words of this version leaves alone what these words cannot say. Arrays and maps are replaced as
 * a whole: which of their members would be the same one, nobody can tell.
 */
export function carriedOver<T>(schema: z.ZodType<T>, before: unknown, wanted: T): T {
  return carried(schema, before, wanted) as T;
}

function carried(schema: z.core.$ZodType, before: unknown, wanted: unknown): unknown {
  const { def } = schema._zod;
  if ('innerType' in def) return carried(def.innerType as z.core.$ZodType, before, wanted);
  if (def.type !== 'object' || !isObject(before) || !isObject(wanted)) return wanted;
  const { shape } = def as DefOf<'object'>;
  const unknown = Object.entries(before).filter(([name]) => !Object.hasOwn(shape, name));
  const known = Object.entries(wanted).map(([name, value]) => {
    const inside = shape[name];
    return [name, inside ? carried(inside, before[name], value) : value];
  });
  return { ...Object.fromEntries(known), ...Object.fromEntries(unknown) };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
