/**
 * Which of the codes and phone numbers are to be found in a text. A code counts only where it stands alone: six digits
 * in a row come up by chance inside of ids and times.
 */
export function leaksIn(text: string, codes: readonly string[], phones: readonly string[]): string[] {
  const alone = (code: string): boolean => new RegExp(`(?<![0-9A-Za-z.:])${code}(?![0-9A-Za-z])`).test(text);
  return [...codes.filter(alone), ...phones.filter((phone) => text.includes(phone.replace(/^\+\d/, '')))];
}
