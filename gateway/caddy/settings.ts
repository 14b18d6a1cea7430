/** Settings of the Caddy that a gateway keeps routes in. */
import { z } from 'zod';

/** A Caddy, and where in it the table lies. */
export interface CaddySettings {
  /** `SHOAL_CADDY_ADMIN`: its admin API, e.g. `http://127.0.0.1:2019`. Default: nothing is written. */
  readonly admin: string;
  /** `SHOAL_CADDY_SERVER`: its server for the routes, made if there is none; default `shoal`. */
  readonly server: string;
  /** `SHOAL_CADDY_LISTEN`: what that listens on if it is made, with commas between; default `:80`. */
  readonly listen: readonly string[];
}

/** An admin API by its URL, without a path. */
export const caddyAdminUrl = z
  .string()
  .regex(/^http:\/\/([A-Za-z0-9.-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(:\d{1,5})?\/?$/, {
    message: 'a URL without a path, e.g. http://127.0.0.1:2019',
  })
  .transform((text) => text.replace(/\/$/, ''));

export const caddyServerName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,47}$/, 'lower-case letters, digits, dashes');

export const caddyListen = z
  .string()
  .regex(/^[^\s,]{1,255}(,[^\s,]{1,255})*$/, 'addresses of Caddy with commas between, e.g. :80')
  .transform((text) => text.split(','));
