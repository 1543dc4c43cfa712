"""Data sets in the layouts they are published in, as small samples."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from embedding.training.datasets import read_labelled
from embedding.training.readers.labelled import STORED_PX, labelled_files
from storage.errors import InputError

BLOUSE = "img/Sheer_Pleated-Front_Blouse/img_0000000{}.jpg"
SHIRT = "img/WOMEN/Blouses_Shirts/id_0000000{}/0{}_1_front.jpg"
ARTICLES = """\
article_id,product_code,prod_name,product_type_no,product_type_name,product_group_name,\
graphical_appearance_no,graphical_appearance_name,colour_group_code,colour_group_name,\
perceived_colour_value_id,perceived_colour_value_name,perceived_colour_master_id,\
perceived_colour_master_name,department_no,department_name,index_code,index_name,index_group_no,\
index_group_name,section_no,section_name,garment_group_no,garment_group_name,detail_desc
0108775015,0108775,Strap top,253,Vest top,Garment Upper body,1010016,Solid,09,Black,4,Dark,5,Black,1676,\
Jersey Basic,A,Ladieswear,1,Ladieswear,16,Womens Everyday Basics,1002,Jersey Basic,Jersey top.
110065001,110065,OP T-shirt (Idro),306,Bra,Underwear,1010016,Solid,9,Unknown,4,Dark,5,Black,1339,Clean \
Lingerie,B,Lingeries/Tights,1,Ladieswear,61,Womens Lingerie,1017,"Under-, Nightwear","Bra with, two cups."
0110065002,0110065,OP T-shirt (Idro),306,Bra,Underwear,1010016,Solid,10,White,3,Light,9,White,1339,Clean \
Lingerie,B,Lingeries/Tights,1,Ladieswear,61,Womens Lingerie,1017,"Under-, Nightwear",No photo.
oops,cut short
"""
STYLES = """\
id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,productDisplayName
15970,Men,Apparel,Topwear,Shirts,Navy Blue,Fall,2011,Casual,Turtle Check Men Navy Blue Shirt
6044,Women,Apparel,Topwear,Tops,Blue,Fall,2011,NA,Mark Taylor Women Blue, Pink and White Top
39386,Men,Apparel,Bottomwear,Jeans,,Summer,2012,Casual,Peter England Men Party Blue Jeans
1,Men,Apparel
"""


def picture(size: tuple[int, int] = (60, 80), colour: tuple[int, int, int] = (200, 30, 40)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG")
    return buffer.getvalue()


def lay(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)
    return folder


def rows(file: Path) -> dict[str, dict[str, object]]:
    return {row["id"]: row for row in pq.read_table(file).to_pylist()}


def skipped(file: Path) -> list[str]:
    listing = file.with_name(file.name.replace("-train.parquet", "-skipped.tsv"))
    return listing.read_text().splitlines()


def test_deepfashion_attributes(tmp_path: Path) -> None:
    half = Image.new("RGB", (60, 80), "white")
    half.paste((0, 0, 255), (30, 0, 60, 80))
    buffer = io.BytesIO()
    half.save(buffer, "JPEG")
    folder = lay(
        tmp_path / "benchmark",
        {
            "Anno_coarse/list_category_cloth.txt": "2\ncategory_name  category_type\nAnorak         1\n"
            "Blouse         1\n",
            "Anno_coarse/list_category_img.txt": "4\nimage_name      category_label\n"
            + "".join(
                f"{BLOUSE.format(n)}                        {2 if n < 4 else 9}\n" for n in range(1, 5)
            ),
            "Anno_coarse/list_attr_cloth.txt": "3\nattribute_name  attribute_type\n"
            "a-line                    3\nabstract chevron print    1\nzip-up                    4\n",
            "Anno_coarse/list_attr_img.txt": "4\nimage_name  attribute_labels\n"
            + "".join(f"{BLOUSE.format(n)}   -1  1  {0 if n == 2 else -1}\n" for n in range(1, 5)),
            "Anno_coarse/list_bbox.txt": "2\nimage_name  x_1  y_1  x_2  y_2\n"
            f"{BLOUSE.format(1)}   031  000  060  080\n{BLOUSE.format(2)}   900  000  990  080\n",
            "Eval/list_eval_partition.txt": "4\nimage_name  evaluation_status\n"
            + "".join(f"{BLOUSE.format(n)}   {'val' if n == 3 else 'train'}\n" for n in range(1, 5)),
            **{f"Img/{BLOUSE.format(n)}": buffer.getvalue() for n in (1, 2, 3, 4)},
        },
    )
    (file,) = labelled_files([folder], tmp_path / "out")
    (row,) = rows(file).values()
    assert row["id"] == f"deepfashion:{BLOUSE.format(1)}"
    assert (row["article_type"], row["product"]) == ("Blouse", "Sheer_Pleated-Front_Blouse")
    assert (row["attributes"], row["attributes_unknown"]) == (["abstract chevron print"], [])
    garment = Image.open(io.BytesIO(row["image"]))
    assert garment.size == (29, 80)
    assert garment.getpixel((15, 40))[2] > 240 > 20 > garment.getpixel((15, 40))[0]
    validation = rows(file.with_name(file.name.replace("train", "val")))
    assert [row["product"] for row in validation.values()] == ["Sheer_Pleated-Front_Blouse"]
    assert len(skipped(file)) == 2
    assert "outside its photo" in skipped(file)[0]
    assert "has no category" in skipped(file)[1]


def test_deepfashion_inshop(tmp_path: Path) -> None:
    folder = lay(
        tmp_path / "inshop",
        {
            "Anno/list_item_inshop.txt": "2\nid_00000001\nid_00000002\n",
            "Anno/attributes/list_color_cloth.txt": f"1\nimage_name  clothes_color\n"
            f"{SHIRT.format(1, 1)}   Rust/cream light\n",
            "Eval/list_eval_partition.txt": "6\nimage_name item_id evaluation_status\n"
            f"{SHIRT.format(1, 1)}                 id_00000001 train\n"
            f"{SHIRT.format(1, 2)}                 id_00000001 train\n"
            f"{SHIRT.format(2, 1)}                 id_00000002 query\n"
            f"{SHIRT.format(2, 2)}                 id_00000002 gallery\n"
            f"{SHIRT.format(3, 1)}                 id_00000003 train\n",
            f"Img/{SHIRT.format(1, 1)}": picture(),
            f"Img/{SHIRT.format(2, 1)}": picture(),
            f"Img/{SHIRT.format(2, 2)}": picture(),
        },
    )
    (file,) = labelled_files([folder], tmp_path / "out")
    (row,) = rows(file).values()
    assert {name: row[name] for name in ("article_type", "gender", "product", "colour")} == {
        "article_type": "Blouses Shirts",
        "gender": "Women",
        "product": "id_00000001",
        "colour": "Rust/cream light",
    }
    for part in ("query", "gallery"):
        (other,) = rows(file.with_name(file.name.replace("train", part))).values()
        assert other["product"] == "id_00000002"
    reasons = "\n".join(skipped(file))
    assert "promises 6 rows and holds 5" in reasons
    assert "id_00000003, which is not in" in reasons
    assert "No such file" in reasons


def test_hm(tmp_path: Path) -> None:
    photos = {"images/010/0108775015.jpg": picture((900, 1350)), "images/011/0110065001.jpg": picture()}
    folder = lay(tmp_path / "hm", {"articles.csv": ARTICLES, **photos})
    (file,) = labelled_files([folder], tmp_path / "out")
    read = rows(file)
    top, bra = read["hm:0108775015"], read["hm:0110065001"]
    assert (top["article_type"], top["colour"], top["department"]) == ("Vest top", "Black", "Ladieswear")
    assert (bra["garment_group"], bra["colour"], bra["product"]) == ("Under-, Nightwear", None, "110065")
    assert max(Image.open(io.BytesIO(top["image"])).size) == STORED_PX
    assert bra["image"] == photos["images/011/0110065001.jpg"]
    assert [line.split("\t")[0] for line in skipped(file)] == ["hm:0110065002", "articles.csv line 5"]
    assert len(skipped(file)) == 2


def test_fashion_product_images(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "embedding")
    folder = lay(
        tmp_path / "fashion",
        {
            "styles.csv": STYLES,
            "images/15970.jpg": picture(),
            "images/6044.jpg": picture(),
            "images/39386.jpg": picture()[:300],
        },
    )
    (file,) = labelled_files([folder], tmp_path / "out")
    read = rows(file)
    assert list(read) == ["15970", "6044"]
    assert read["6044"]["name"] == "Mark Taylor Women Blue, Pink and White Top"
    assert read["6044"]["usage"] is None
    photos = read_labelled([file], ["article_type", "colour"])
    assert photos.classes == {"article_type": ["Shirts", "Tops"], "colour": ["Navy Blue", "Blue"]}
    assert "2 rows or photos skipped" in caplog.text
    assert any(line.startswith("39386\thas a photo") and "damaged JPEG" in line for line in skipped(file))
    assert any(line.startswith("styles.csv line 5\t") for line in skipped(file))


def test_a_folder_of_labelled_folders(tmp_path: Path) -> None:
    folder = lay(
        tmp_path / "mine",
        {
            "Dress/one.jpg": picture(),
            "Dress/more/two.PNG": picture(),
            "Shirt/three.webp": picture(),
            "Shirt/notes.txt": "not a photo",
            ".thumbnails/x.jpg": picture(),
        },
    )
    (file,) = labelled_files([folder], tmp_path / "out")
    assert {name: row["article_type"] for name, row in rows(file).items()} == {
        "mine:Dress/one.jpg": "Dress",
        "mine:Dress/more/two.PNG": "Dress",
        "mine:Shirt/three.webp": "Shirt",
    }
    assert [line.split("\t")[0] for line in skipped(file)] == ["Shirt/notes.txt"]


def test_a_folder_is_written_once_until_it_changes_and_files_pass(tmp_path: Path) -> None:
    folder = lay(tmp_path / "mine", {"Dress/one.jpg": picture()})
    parquet = tmp_path / "given.parquet"
    first = labelled_files([parquet, folder], tmp_path / "out")
    written = first[1].stat()
    assert first[0] == parquet
    assert labelled_files([parquet, folder], tmp_path / "out") == first
    assert first[1].stat() == written
    lay(folder, {"Shirt/two.jpg": picture()})
    (changed,) = labelled_files([folder], tmp_path / "out")
    assert len(rows(changed)) == 2


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty is in no layout .* H&M \(articles.csv, images/\)"):
        labelled_files([tmp_path / "empty"], tmp_path / "out")
    broken = lay(tmp_path / "broken", {"Dress/one.jpg": b"<html>"})
    with pytest.raises(InputError, match=r"broken holds no photo to train on\. .*skipped\.tsv says why"):
        labelled_files([broken], tmp_path / "out")
    assert len(list((tmp_path / "out" / "labelled").glob("*.parquet"))) == 0
