#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds `unfold convert` against the field's own readers of images and volumes: reference_images.py PROGRAM FOLDER [FORMAT]...

As reference_files.py, of which it is the other half: DICOM by pydicom, NIfTI and Analyze by nibabel, TIFF by tifffile, PNG and JPEG by Pillow.
A file that the reference reads may be refused here, with a reason, which is printed; what must not be are other numbers and a program that
ends. Needs numpy, pydicom, pylibjpeg with pylibjpeg-libjpeg, nibabel, tifffile and Pillow (versions are printed).
"""
import os

import numpy as np

import reference_files


# Files of lossy JPEG, whose decoders round differently: a level more or less is equal.
LOSSY = set()


def title(path):
    name = os.path.basename(path)
    for ending in (".nii.gz", ".img.gz", ".hdr.gz"):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return os.path.splitext(name)[0]


def dicom(path):
    """Slope times sample plus intercept of every frame, in double precision; nothing of colours."""
    import pydicom

    file = pydicom.dcmread(path, force=True)
    if not any(name in file for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise ValueError("no pixels")
    if file.SamplesPerPixel != 1 or not file.PhotometricInterpretation.startswith("MONOCHROME"):
        return {}
    pixels = file.pixel_array.astype(np.float64)
    frames = pixels if pixels.ndim == 3 else pixels[None]

    def transform(item):
        return float(getattr(item, "RescaleSlope", 1) or 1), float(getattr(item, "RescaleIntercept", 0) or 0)

    def of_frame(k):
        for groups in (file.get("PerFrameFunctionalGroupsSequence"), file.get("SharedFunctionalGroupsSequence")):
            group = groups[k] if groups and len(groups) > k else groups[0] if groups and len(groups) == 1 else None
            found = group.get("PixelValueTransformationSequence") if group else None
            if found:
                return transform(found[0])
        return transform(file)

    if file.file_meta.get("TransferSyntaxUID") in ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"):
        LOSSY.add(path)
    values = np.stack([frame * of_frame(k)[0] + of_frame(k)[1] for k, frame in enumerate(frames)])
    if "ModalityLUTSequence" in file:
        from pydicom.pixels import apply_modality_lut

        values = np.asarray(apply_modality_lut(frames.astype(file.pixel_array.dtype), file), np.float64)
    return {title(path): values}


def nifti(path):
    """The numbers with x last."""
    import nibabel

    image = nibabel.load(path)
    if type(image).__name__ == "Cifti2Image":  # which leaves out axes of extent 1
        image = nibabel.Nifti2Image.from_filename(path)
    if image.get_data_dtype().names:
        return {}
    values = np.asanyarray(image.dataobj).T
    return {title(path): values[:, None].T if values.ndim == 1 else values}


def pages_of(arrays):
    """Gray and colour images as Unfold gives them: fractions of the largest unsigned number of 8 or 16 bits, colours first."""
    found = []
    for array in arrays:
        if array.dtype == bool:
            array = array.astype(np.uint8) * 255
        value = array.astype(np.float64)
        if array.dtype in (np.uint8, np.uint16):
            value = value / np.iinfo(array.dtype).max
        found.append(np.moveaxis(value, -1, 0)[:3] if value.ndim == 3 else value)
    return {"image": found[0] if len(found) == 1 else np.stack(found)}


def tiff(path):
    import tifffile

    with tifffile.TiffFile(path) as file:
        return pages_of([page.asarray() for page in file.pages if not page.is_reduced])


def picture(path):
    """PNG and JPEG, upright, without alpha."""
    from PIL import Image, ImageOps

    with open(path, "rb") as file:
        header = file.read(26)
    if header[1:4] == b"PNG" and header[24] == 16 and header[25] != 0:
        raise ValueError("Pillow reduces colours of 16 bits to 8")
    with Image.open(path) as image:
        image.load()
        if image.format == "JPEG" and image.mode == "CMYK":
            return {}
        image = ImageOps.exif_transpose(image)
        if image.mode in ("P", "RGBA"):
            image = image.convert("RGB")
        if image.mode == "LA":
            image = image.convert("L")
        array = np.asarray(image)
        return pages_of([array.astype(np.uint16) if image.mode == "I" else array])


FORMATS = {"dcm": dicom, "nii": nifti, "gz": nifti, "hdr": nifti, "img": nifti, "tif": tiff, "tiff": tiff, "png": picture, "jpg": picture}
FORMATS["jpeg"] = picture


def compared(program, read, path, folder):
    word, line = reference_files.compared(program, read, path, folder)
    if word == "OTHER NUMBERS" and path in LOSSY:
        found, expected = reference_files.converted(program, path, folder)[0], read(path)
        if all(np.abs(found[name] - value).max() <= 1 for name, value in expected.items()):
            return "equal", "but for one level of lossy JPEG"
    return {"REFUSED, the reference reads it": "refused with the reason"}.get(word, word), line


if __name__ == "__main__":
    reference_files.run(__doc__, FORMATS, compared, ("numpy", "pydicom", "nibabel", "tifffile", "PIL"))
