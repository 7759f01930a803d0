//! An SVG as PNG.

use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use crate::Failure;

/// Pixels of the PNG for one of the SVG: sharp on dense screens.
const SCALE: f32 = 2.0;
/// The font's own name.
const FAMILY: &str = "DejaVu Sans";

/// The picture as PNG, its text in a font that comes with the program.
pub(super) fn png(svg: &str) -> Result<Vec<u8>, Failure> {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(dejavu::sans::regular().to_vec());
    let options = Options {
        font_family: FAMILY.into(),
        fontdb: Arc::new(fonts),
        ..Options::default()
    };
    let tree = Tree::from_str(svg, &options)?;
    let size = tree.size();
    let (width, height) = (size.width() * SCALE, size.height() * SCALE);
    let pixels = Pixmap::new(width as u32, height as u32);
    let mut pixels = pixels.ok_or("a picture without size")?;
    let transform = Transform::from_scale(SCALE, SCALE);
    resvg::render(&tree, transform, &mut pixels.as_mut());
    Ok(pixels.encode_png()?)
}
