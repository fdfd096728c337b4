import type { Client } from "openapi-fetch";
import type { components, paths } from "./schema.js";

/** The API at `baseUrl`, asked by whoever has `token`: a buyer's, or the organiser's key. */
export function frontrow(baseUrl: string, token?: string): Client<paths>;

/** What travels, by name: `Schemas["Booking"]`. */
export type Schemas = components["schemas"];
