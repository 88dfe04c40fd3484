/** @file A recipe's text checked against the registry, which is no part of the first load. */
export async function readRecipe(text: string) {
  const { parseRecipe } = await import('../../compress/recipe/recipe.ts');
  return parseRecipe(text);
}
