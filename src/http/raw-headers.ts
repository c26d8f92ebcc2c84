/**
 * How often a header came. Of several Node takes the first or joins them, and whatever stands before the service perhaps
 * another one. Not by `headersDistinct`, which copies every header of the request to tell.
 * @param rawHeaders names and values in turn, as Node has them
 * @param name in lower case
 */
export function countHeader(rawHeaders: readonly string[], name: string): number {
  let found = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.length === name.length && rawHeaders[index]?.toLowerCase() === name) found += 1;
  }
  return found;
}
