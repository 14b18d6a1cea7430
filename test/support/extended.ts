/** Values as a newer version might write them: each of their objects has a field more. */
import { z } from 'zod';

/** Name of the field. */
export const EXTRA = 'ofTheNextVersion';

/**
 * The value with a further field in each object that the schema describes. Maps get none: their
 * keys are data.
 */
export function extended(schema: z.core.$ZodType, value: unknown): unknown {
  const { def } = schema._zod;
  if (value === undefined || value === null) return value;
  if ('innerType' in def) return extended(def.innerType as z.core.$ZodType, value);
  switch (def.type) {
    case 'object': {
      const { shape } = def as z.core.$ZodObjectDef;
      const inside = Object.entries(value).map(([name, each]) => {
        const of = shape[name];
        return [name, of ? extended(of, each) : each];
      });
      return { ...Object.fromEntries(inside), [EXTRA]: 1 };
    }
    case 'array': {
      const { element } = def as z.core.$ZodArrayDef;
      return (value as readonly unknown[]).map((each) => extended(element, each));
    }
    case 'record': {
      const { valueType } = def as z.core.$ZodRecordDef;
      const inside = Object.entries(value).map(([key, each]) => [key, extended(valueType, each)]);
      return Object.fromEntries(inside);
    }
    case 'union': {
      const { options } = def as z.core.$ZodUnionDef;
      const option = options.find((each) => isA(each, value));
      return option ? extended(option, value) : value;
    }
    default:
      return value;
  }
}

function isA(option: z.core.$ZodType, value: unknown): boolean {
  return (option as z.ZodType).safeParse(value).success;
}

/** The schema of that version: each of its objects may have the field. Maps have none. */
export function widened<S extends z.core.$ZodType>(schema: S): S {
  const { def } = schema._zod;
  const as = (changed: object): S =>
    z.core.clone(schema, { ...def, ...changed } as never, { parent: true });
  if ('innerType' in def) return as({ innerType: widened(def.innerType as z.core.$ZodType) });
  switch (def.type) {
    case 'object': {
      const { shape } = def as z.core.$ZodObjectDef;
      const inside = Object.entries(shape).map(([name, each]) => [name, widened(each)]);
      return as({ shape: { ...Object.fromEntries(inside), [EXTRA]: z.number().optional() } });
    }
    case 'array':
      return as({ element: widened((def as z.core.$ZodArrayDef).element) });
    case 'record':
      return as({ valueType: widened((def as z.core.$ZodRecordDef).valueType) });
    case 'union':
      return as({ options: (def as z.core.$ZodUnionDef).options.map((each) => widened(each)) });
    default:
      return schema;
  }
}
