// Where thread i of a kernel on grouped matrices is: x, its group's place among scales; y, its number's in (rows, d). `params` has
// d, group and groups; with HAS_ORDER a place stands for the column order[place].
fn grid_place(i: u32) -> vec2u {
  let row = i / params.d;
  let place = i % params.d;
  let share = row * params.groups + place / params.group;
  if (HAS_ORDER == 1u) {
    return vec2u(share, row * params.d + order[place]);
  }
  return vec2u(share, i);
}
