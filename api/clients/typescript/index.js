import createClient from "openapi-fetch";

export function frontrow(baseUrl, token) {
  return createClient({ baseUrl, headers: token === undefined ? {} : { Authorization: `Bearer ${token}` } });
}
