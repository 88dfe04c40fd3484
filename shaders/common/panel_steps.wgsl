// The left side of a product by common/row_panel.wgsl: columns of an operand whose rows are the steps, any number of them. The
// kernel gives left_columns, the operand's row length, and left_value(place). A load of four steps is four loads of a number, which
// costs no more than one of a vec4 does on software adapters. Behind the operand's end anything may be read: it is made zero.

fn left_at(row: u32, step: u32) -> u32 {
  return 4u * step * left_columns() + row;
}

fn left_row() -> u32 {
  return 1u;
}

fn panel_left(at: u32) -> vec4f {
  let columns = left_columns();
  return vec4f(left_value(at), left_value(at + columns), left_value(at + 2u * columns), left_value(at + 3u * columns));
}
