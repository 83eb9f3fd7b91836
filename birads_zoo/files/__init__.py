"""Opens files with care, writes them completely or not at all, locks them, and checks that they are as written."""

from birads_zoo.files.locks import lock
from birads_zoo.files.places import check_file, check_folder
from birads_zoo.files.refusal import StorageError
from birads_zoo.files.whole import folder_name, make_folder, whole_file, whole_folder, write_text

__all__ = [
    "StorageError",
    "check_file",
    "check_folder",
    "folder_name",
    "lock",
    "make_folder",
    "whole_file",
    "whole_folder",
    "write_text",
]
